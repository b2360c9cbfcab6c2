/** Opens a person's folder twice, as whichever user runs it; what it prints is the test's. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHomes } from '../../main/homes/homes.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import type { Person } from '../../preload/contract/model.ts';

const [folder = ''] = process.argv.slice(2);
const ada: Person = { id: 'ada', name: 'Ada', kind: 'member', groups: [], offline: true };
const homes = createHomes({
  launcher: new Launcher(silentLogger),
  folder: join(folder, 'persons'),
  runtimeFolder: join(folder, 'run'),
  // Nobody listens there: the folder must open without the storage.
  policy: () => ({ url: 'http://127.0.0.1:1/{person}/', everyMs: 3_600_000 }),
  where: 'seat',
  userAgent: 'test',
  log: silentLogger,
});
const file = (): string => join(homes.folderOf('ada') ?? '/nowhere', 'work');
await homes.open(ada, Buffer.from('a pass-phrase'));
await writeFile(file(), 'kept');
await homes.close();
await homes.open(ada, Buffer.from('a pass-phrase'));
process.stdout.write(`${process.getuid?.()} ${await readFile(file(), 'utf8')}`);
await homes.close();
process.exit(0);
