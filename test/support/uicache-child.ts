/**
 * A kiosk that publishes versions to itself for ever: `node uicache-child.ts FOLDER SERVER COUNT`.
 * Prints `active N` once version N was acknowledged; its parent ends it whenever it likes.
 */
import { bundleOf, versionOf } from './ui-bundle.ts';
import { openUiCache } from './uicache.ts';

const [folder = '', server = '', count = '0', from = '1'] = process.argv.slice(2);
const bench = await openUiCache(folder, server);
process.stdout.write('open\n');
for (let number = Number(from); ; number++) {
  await bench.cache.apply(bundleOf(String(number), versionOf(number, Number(count))));
  await bench.load();
  bench.cache.rendered();
  process.stdout.write(`active ${number}\n`);
}
