/** Frames that Chromium put into a process of their own: each is a session with its own rules. */
import type { DevtoolsPipe, DevtoolsSession } from './connection.ts';

/**
 * Calls `prepare` for each such frame, at any depth, before its document runs anything.
 */
export function onFrames(
  pipe: DevtoolsPipe,
  session: DevtoolsSession,
  prepare: (frame: DevtoolsSession) => void,
): void {
  session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
    const frame = pipe.session(sessionId);
    if (targetInfo.type === 'iframe') {
      frame.post('Page.enable');
      prepare(frame);
      onFrames(pipe, frame, prepare);
    }
    frame.post('Runtime.runIfWaitingForDebugger');
  });
  session.post('Target.setAutoAttach', {
    autoAttach: true,
    waitForDebuggerOnStart: true,
    flatten: true,
    // Workers need nothing, but one that is left out of the filter waits for ever all the same.
    filter: [{ type: 'iframe' }, { type: 'worker' }, { exclude: true }],
  });
}
