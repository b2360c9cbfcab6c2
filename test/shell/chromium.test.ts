import { Launcher } from '../../main/process/launcher.ts';
import { createChromiumShell } from '../../main/shell/chromium/chromium-shell.ts';
import { startChromium } from '../../main/shell/chromium/launch.ts';
import { findChromium } from '../../main/shell/select.ts';
import { conformance } from './conformance.ts';

const program = findChromium({ env: process.env, root: process.cwd() });
if (program === null) throw new Error('the tests need the package chromium');

conformance({
  name: 'chromium',
  async create(options) {
    const chromium = { ...options, program, launcher: new Launcher(options.log) };
    const started = await startChromium(chromium);
    return {
      shell: await createChromiumShell({ ...chromium, started }),
      pid: () => started.child.pid,
    };
  },
});
