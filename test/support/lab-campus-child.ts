/**
 * A campus as a process that a namespace can hold: `node lab-campus-child.ts FOLDER ADDRESS PORT REPORTS`.
 * Prints `campus URL` once it listens.
 */
import { startCampus } from '../campus/server/campus.ts';

const [folder = '', host = '', port = '', reportsFile = ''] = process.argv.slice(2);
const server = await startCampus({ folder, host, port: Number(port), reportsFile });
console.log(`campus ${server.url}`);
