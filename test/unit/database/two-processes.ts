/** Opens the database, adds so many rows one transaction each, prints `done`. */
import { openDatabase } from '../../../main/database/database.ts';
import { silentLogger } from '../../../main/log/logger.ts';

const [path = '', count = '0', die = ''] = process.argv.slice(2);
const database = openDatabase({
  path,
  migrations: ['CREATE TABLE rows (id INTEGER PRIMARY KEY, who TEXT NOT NULL) STRICT;'],
  log: silentLogger,
});
const insert = database.prepare('INSERT INTO rows (who) VALUES (?)');
for (let index = 0; index < Number(count); index++) {
  insert.run(String(process.pid));
  if (die !== '') console.log(index + 1);
}
console.log('done');
