/** `vestibule`: what an administrator does at a terminal. Exit codes: 0 done, 1 failed, 2 misused. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { toWireError } from './base/errors.ts';

const USAGE = `usage: vestibule COMMAND

  config check [--settings FILE]              what is wrong with the settings of this kiosk
  verifier                                    a verifier for people.localAdministrator; the
                                              password is read from standard input
  campus keygen --id ID --folder FOLDER       a key pair for signing manifests
  campus bundle --base URL FOLDER             the "ui" part of a manifest, to standard output
  campus system --base URL FOLDER             the "system" part of a manifest, of a folder that
                                              npm run squashfs made, to standard output
  campus sign --key FILE [--key FILE] FOLDER  checks and signs FOLDER/manifest.json
  image pack SOURCE --id ID --version VERSION --out FOLDER [--layout packed|plain]
             [--parent MANIFEST]...           what a web server serves of a disk image, and of
                                              what changed since older versions
  machine import FILE                         libvirt XML or OVF as a machine description,
                                              to standard output
  rdp import FILE                             an .rdp file as the target of an RDP entry,
                                              to standard output
`;

type Command = (args: readonly string[]) => Promise<number>;

/** A use that the usage does not know. */
class Misuse extends Error {}

const COMMANDS: Readonly<Record<string, Command>> = {
  'config check': async (args) => {
    const { values } = parseArgs({ args: [...args], options: { settings: { type: 'string' } } });
    const { checkSettings } = await import('./settings/settings.ts');
    const { problems } = checkSettings(
      values.settings === undefined ? {} : { file: values.settings },
    );
    for (const { code, message } of problems) print(`${code}: ${message}`);
    if (problems.length === 0) print('the settings are right');
    return problems.length === 0 ? 0 : 1;
  },

  verifier: async (args) => {
    positionals(args, 0);
    const { makeVerifier } = await import('./people/verifier.ts');
    const secret = (await readStandardInput()).replace(/\r?\n$/, '');
    if (secret.length < 8) throw new Misuse('the password must have 8 characters or more');
    print(await makeVerifier(Buffer.from(secret)));
    return 0;
  },

  'campus keygen': async (args) => {
    const { values } = parseArgs({
      args: [...args],
      options: { id: { type: 'string' }, folder: { type: 'string' } },
    });
    const { id, folder } = values;
    if (id === undefined || folder === undefined) throw new Misuse('--id and --folder');
    const { writeKey } = await import('./campus/publish.ts');
    const { trusted } = await writeKey(folder, id);
    print(JSON.stringify(trusted));
    return 0;
  },

  'campus bundle': async (args) => {
    const { values, positionals: rest } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { base: { type: 'string' }, version: { type: 'string' } },
    });
    const [folder] = rest;
    if (folder === undefined || values.base === undefined) throw new Misuse('FOLDER and --base');
    const { bundleFolder } = await import('./campus/publish.ts');
    const bundle = await bundleFolder(folder, {
      base: values.base,
      ...(values.version === undefined ? {} : { version: values.version }),
    });
    print(JSON.stringify(bundle, null, 2));
    return 0;
  },

  'campus system': async (args) => {
    const { values, positionals: rest } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { base: { type: 'string' } },
    });
    const [folder] = rest;
    if (folder === undefined || values.base === undefined) throw new Misuse('FOLDER and --base');
    const { describeSystem } = await import('./campus/publish.ts');
    print(JSON.stringify(await describeSystem(folder, values.base), null, 2));
    return 0;
  },

  'campus sign': async (args) => {
    const { values, positionals: rest } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { key: { type: 'string', multiple: true, default: [] } },
    });
    const [folder] = rest;
    if (folder === undefined || values.key.length === 0) throw new Misuse('FOLDER and --key');
    const { signFolder } = await import('./campus/publish.ts');
    const manifest = await signFolder(folder, values.key);
    print(`signed version ${manifest.version} of ${manifest.campus.id}`);
    return 0;
  },

  'image pack': async (args) => {
    const { values, positionals: rest } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        id: { type: 'string' },
        version: { type: 'string' },
        out: { type: 'string' },
        layout: { type: 'string', default: 'packed' },
        parent: { type: 'string', multiple: true, default: [] },
      },
    });
    const [source] = rest;
    const { id, version, out, layout, parent: parents } = values;
    if (!source || !id || !version || !out) throw new Misuse('SOURCE, --id, --version and --out');
    if (layout !== 'packed' && layout !== 'plain') throw new Misuse('--layout packed or plain');
    const { packImage } = await import('./images/pack.ts');
    let shown = -1;
    const packed = await packImage({
      source,
      id,
      version,
      outputFolder: out,
      layout,
      parents,
      progress: (fraction) => {
        const percent = Math.floor(fraction * 100);
        if (percent !== shown && process.stderr.isTTY) process.stderr.write(`\r${percent} %`);
        shown = percent;
      },
    });
    if (process.stderr.isTTY) process.stderr.write('\r');
    const { manifest, ...files } = packed;
    print(JSON.stringify({ root: manifest.root, ...files }, null, 2));
    return 0;
  },

  'machine import': async (args) => {
    const [file = ''] = positionals(args, 1);
    const xml = await readFile(file, 'utf8');
    const { importLibvirt } = await import('./sessions/vm/import-libvirt.ts');
    const { importOvf } = await import('./sessions/vm/import-ovf.ts');
    const { dropped, ...imported } = /<domain[\s>]/.test(xml) ? importLibvirt(xml) : importOvf(xml);
    for (const part of dropped) process.stderr.write(`not carried over: ${part}\n`);
    print(JSON.stringify(imported, null, 2));
    return 0;
  },

  'rdp import': async (args) => {
    const [file = ''] = positionals(args, 1);
    const { importRdpFile } = await import('./sessions/rdp/import-rdp.ts');
    const { target, ignored } = importRdpFile(await readFile(file));
    for (const property of ignored) process.stderr.write(`not carried over: ${property}\n`);
    print(JSON.stringify(target, null, 2));
    return 0;
  },
};

process.exitCode = await run(process.argv.slice(2));

async function run(argv: readonly string[]): Promise<number> {
  const words = [2, 1].map((count) => argv.slice(0, count).join(' '));
  const name = words.find((candidate) => Object.hasOwn(COMMANDS, candidate));
  const command = name === undefined ? undefined : COMMANDS[name];
  if (name === undefined || command === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    return await command(argv.slice(name.split(' ').length));
  } catch (error) {
    if (error instanceof Misuse || error instanceof TypeError) {
      process.stderr.write(`vestibule ${name}: ${error.message}\n\n${USAGE}`);
      return 2;
    }
    const { code, message } = toWireError(error);
    process.stderr.write(
      `vestibule ${name}: ${code === 'INTERNAL' && error instanceof Error ? error.message : `${code}: ${message}`}\n`,
    );
    return 1;
  }
}

function positionals(args: readonly string[], count: number): string[] {
  const { positionals: rest } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  if (rest.length !== count) throw new Misuse(`it takes ${count} arguments`);
  return rest;
}

async function readStandardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
