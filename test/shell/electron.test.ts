import { test } from 'vitest';
import { findElectron } from '../../main/shell/select.ts';
import { startElectronShell } from '../support/electron-shell.ts';
import { conformance } from './conformance.ts';
import type { Candidate } from './harness.ts';
import { pagesConformance } from './pages.ts';
import { webSessionConformance } from './web-sessions.ts';

const program = findElectron({ env: process.env, root: process.cwd() });
const REASON =
  'there is no Electron program here: run "npx install-electron", or point ELECTRON_OVERRIDE_DIST_PATH at one';

if (program === null) {
  console.log(`the conformance suite does not run on Electron: ${REASON}`);
  test.skip(REASON, () => {});
} else {
  const candidate: Candidate = {
    name: 'electron',
    create: (options) => startElectronShell(program, options),
  };
  conformance(candidate);
  webSessionConformance(candidate);
  pagesConformance(candidate);
}
