/** A main of its own that starts two machines and waits to be killed: node machine-child.ts FOLDER DISK */
import { join } from 'node:path';
import { machineLab } from './machines.ts';

const [folder = '', disk = ''] = process.argv.slice(2);
const lab = await machineLab(
  { demo: { path: disk, format: 'qcow2' } },
  { runtimeFolder: join(folder, 'run'), stateFolder: join(folder, 'state') },
);
await Promise.all(
  ['survivor', 'dead'].map((sessionId) => lab.engine.start(lab.request({ sessionId }))),
);
console.log('ready');
setInterval(() => {}, 60_000);
