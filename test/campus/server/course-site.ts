/** The demo campus's course site: three real pages with their own style sheet. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Pages that kiosks keep for offline use, relative to the campus. */
export const COURSE_PAGES = ['course/index.html', 'course/week-1.html', 'course/week-2.html'];

const STYLE = `body { margin: 0 auto; max-width: 42rem; padding: 2rem; font: 18px/1.5 system-ui, sans-serif; color: #16202e; background: #f5f7fa; }
nav a { margin-right: 1rem; } h1 { color: #b4533f; } pre { background: #fff; padding: 1rem; border: 1px solid #dfe5ee; }
`;

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="stylesheet" href="style.css">
<nav><a href="index.html">Course</a><a href="week-1.html">Week 1</a><a href="week-2.html">Week 2</a></nav>
<h1>${title}</h1>
${content}
</html>
`;
}

export async function writeCourseSite(folder: string): Promise<void> {
  const site = join(folder, 'course');
  await mkdir(site, { recursive: true });
  await writeFile(join(site, 'style.css'), STYLE);
  await writeFile(
    join(site, 'index.html'),
    page(
      'Computer networks',
      '<p>Lab notes of the course. These pages stay readable when the network is gone.</p>',
    ),
  );
  await writeFile(
    join(site, 'week-1.html'),
    page(
      'Week 1: addresses',
      '<p>Start “Debian — Networks lab”. Give each machine an address on its private network:</p><pre>ip address add 10.0.0.1/24 dev eth0\nip link set eth0 up</pre>',
    ),
  );
  await writeFile(
    join(site, 'week-2.html'),
    page(
      'Week 2: routes',
      '<p>Reach the third machine through the second one.</p><pre>ip route add default via 10.0.0.2</pre>',
    ),
  );
}
