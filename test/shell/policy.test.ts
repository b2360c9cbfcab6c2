/**
 * The managed policy that the image installs (rootfs-build/package/etc/chromium/policies/managed/vestibule.json): Chromium takes
 * it, and the shell works under it. Only the browser of this test sees it, in a mount namespace.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Launcher } from '../../main/process/launcher.ts';
import { createChromiumShell } from '../../main/shell/chromium/chromium-shell.ts';
import type { DevtoolsPipe } from '../../main/shell/chromium/connection.ts';
import { startChromium } from '../../main/shell/chromium/launch.ts';
import { findChromium } from '../../main/shell/select.ts';
import { startHarness } from './harness.ts';

const program = findChromium({ env: process.env, root: process.cwd() });
const reason = whyNot();
if (reason) console.log(`the policy test is skipped: ${reason}`);

test.skipIf(reason !== null)(
  'the shell works under the policy, and pages of the browser do not',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vestibule-policy-'));
    const wrapper = join(folder, 'chromium');
    const policy = join(
      import.meta.dirname,
      '../../rootfs-build/package/etc/chromium/policies/managed/vestibule.json',
    );
    writeFileSync(
      wrapper,
      `#!/bin/sh
exec unshare --mount sh -c '
  mount -t tmpfs none /etc/chromium && mkdir -p /etc/chromium/policies/managed &&
  cp "$0" /etc/chromium/policies/managed/vestibule.json && exec "$@"' ${policy} ${program} "$@"
`,
    );
    chmodSync(wrapper, 0o755);
    let pipe: DevtoolsPipe | undefined;
    const h = await startHarness({
      name: 'chromium under the policy',
      async create(options) {
        const settings = { ...options, program: wrapper, launcher: new Launcher(options.log) };
        const started = await startChromium(settings);
        pipe = started.pipe;
        return {
          shell: await createChromiumShell({ ...settings, started }),
          pid: () => started.child.pid,
        };
      },
    });
    try {
      expect(await h.run(`return (await kiosk.people.continueAsGuest()).id;`)).toBe('guest');
      for (const url of [
        'chrome://version/',
        'devtools://devtools/bundled/inspector.html',
        'file:///etc/passwd',
      ]) {
        expect(await h.run(`return 'still here';`)).toBe('still here');
        expect(await shown(pipe, url)).toContain('ERR_BLOCKED_BY_ADMINISTRATOR');
      }
    } finally {
      await h.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

/** What the browser says of an address, in a context of its own that the shell does not look after. */
async function shown(pipe: DevtoolsPipe | undefined, url: string): Promise<string | undefined> {
  if (!pipe) throw new Error('there is no browser');
  const { browserContextId } = await pipe.browser.send('Target.createBrowserContext', {});
  const attached = new Promise<string>((resolve) => {
    const stop = pipe.browser.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.browserContextId !== browserContextId) return;
      stop();
      resolve(sessionId);
    });
  });
  pipe.browser.post('Target.createTarget', { url: 'about:blank', browserContextId });
  const session = pipe.session(await attached);
  session.post('Runtime.runIfWaitingForDebugger');
  const { errorText } = await session.send('Page.navigate', { url });
  pipe.browser.post('Target.disposeBrowserContext', { browserContextId });
  return errorText;
}

function whyNot(): string | null {
  if (program === null) return 'there is no Chromium';
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'a mount namespace needs root';
  }
}
