/**
 * A person's files inside a local machine, and from there on the campus's storage. Real QEMU,
 * gocryptfs and Apache.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createHomes } from '../../main/homes/homes.ts';
import { silentLogger } from '../../main/log/logger.ts';
import type { Person } from '../../preload/contract/model.ts';
import { scratchFolder } from '../support/images.ts';
import { demoDisk, GuestConsole, machineLab } from '../support/machines.ts';
import { startWebdav } from '../support/webdav-server.ts';

/** In a file, so that little has to be typed. */
const JOB = `cat /home/from-home.txt
mkdir -p /home/lab
echo measured > /home/lab/results
ln -sf /etc/passwd /home/lab/way-out
sync
`;

test('what is written in a machine is on the storage when the person has left', async () => {
  await using scratch = await scratchFolder();
  await using storage = await startWebdav({ ada: 'a pass-phrase' });
  await writeFile(join(storage.folder('ada'), 'from-home.txt'), 'written at home');
  await writeFile(join(storage.folder('ada'), 'job'), JOB);
  const path = await demoDisk();
  const lab = await machineLab(
    { demo: { path, format: 'qcow2' } },
    { homes: { folderOf: (id) => homes.folderOf(id) } },
  );
  const homes = createHomes({
    launcher: lab.launcher,
    folder: join(scratch.path, 'persons'),
    runtimeFolder: join(scratch.path, 'run'),
    policy: () => ({ url: storage.url, everyMs: 3_600_000 }),
    where: 'seat 1',
    userAgent: 'test',
    log: silentLogger,
  });
  try {
    const ada: Person = { id: 'ada', name: 'Ada', kind: 'member', groups: [], offline: false };
    await homes.open(ada, Buffer.from('a pass-phrase'));
    const request = lab.request({ description: { networks: [], home: true } });
    const running = await lab.engine.start(request);
    const guest = new GuestConsole(lab.engine, request.sessionId);
    await guest.until(/ready machine/);
    expect(await guest.run('sh /home/job')).toContain('written at home');
    // What the guest makes is no link on the host: it leads nowhere out of the folder.
    const plain = homes.folderOf('ada') ?? '';
    expect(await readFile(join(plain, 'lab', 'way-out'), 'latin1')).toContain('/etc/passwd');
    await running.kill();
    await running.ended;
    await homes.close();
    expect(await readFile(join(storage.folder('ada'), 'lab', 'results'), 'utf8')).toBe(
      'measured\n',
    );
    await expect(readFile(join(plain, 'lab', 'results'))).rejects.toMatchObject({ code: 'ENOENT' });
  } finally {
    await lab.close();
    await homes.close();
  }
});
