/** Starts one child of each lifetime, prints their pids, and ends as it is told: `exit` or not at all. */
import { silentLogger } from '../../../main/log/logger.ts';
import { Launcher } from '../../../main/process/launcher.ts';

const launcher = new Launcher(silentLogger);
const args = ['300'];
const own = await launcher.launch({ program: 'sleep', args });
const adopted = await launcher.launch({ program: 'sleep', args, lifetime: 'adopt' });
console.log(JSON.stringify({ own: own.pid, adopted: adopted.pid }));
if (process.argv[2] === 'exit') process.exit(3);
