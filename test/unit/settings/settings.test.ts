import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { settingsJsonSchema, settingsMarkdown } from '../../../main/settings/document.ts';
import { SETTING_KEYS, SETTINGS, type Setting } from '../../../main/settings/schema.ts';
import { checkSettings, loadSettings } from '../../../main/settings/settings.ts';
import { parseKernelCommandLine } from '../../../main/settings/sources.ts';

const KEY = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-settings-'));
  file = join(folder, 'settings.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(value: unknown): void {
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
}

function sources(settings: ReturnType<typeof loadSettings>): Record<string, string> {
  return Object.fromEntries(
    settings
      .read()
      .filter(({ source }) => source !== 'default')
      .map(({ key, source }) => [key, source]),
  );
}

describe('the schema', () => {
  test.each(SETTING_KEYS)('%s: its default is a right value, and it is explained', (key) => {
    const { schema, fallback, expected, description }: Setting = SETTINGS[key];
    expect(schema.parse(fallback)).toEqual(fallback);
    expect(expected).not.toBe('');
    expect(description).toMatch(/\.$/);
  });

  test('the campus cannot say whom to trust or who administers the computer', () => {
    const forbidden = [
      'campus.servers',
      'campus.keys',
      'campus.caFile',
      'campus.allowPlainServices',
      'people.localAdministrator',
      'kiosk.id',
    ] as const;
    for (const key of forbidden) expect(SETTINGS[key].policy).toBe(false);
  });
});

describe('precedence', () => {
  test('default < file < kernel command line < campus policy', () => {
    write({ 'sessions.max': 2, 'log.level': 'warn', 'kiosk.room': 'b12', 'people.guests': false });
    const settings = loadSettings({
      file,
      commandLine: 'ro quiet vestibule.sessions.max=3 vestibule.log.level=error',
    });
    settings.applyPolicy({ 'log.level': 'debug', 'images.keepVersions': 3 });
    expect(settings.get('kiosk.room')).toBe('b12');
    expect(settings.get('sessions.max')).toBe(3);
    expect(settings.get('log.level')).toBe('debug');
    expect(settings.get('images.keepVersions')).toBe(3);
    expect(settings.get('sessions.graceSeconds')).toBe(20);
    expect(sources(settings)).toEqual({
      'kiosk.room': 'file',
      'people.guests': 'file',
      'sessions.max': 'kernel command line',
      'log.level': 'campus policy',
      'images.keepVersions': 'campus policy',
    });
  });

  test('a wrong value gives way to the place before, not to the default', () => {
    write({ 'sessions.max': 2 });
    const settings = loadSettings({ file, commandLine: 'vestibule.sessions.max=many' });
    expect(settings.get('sessions.max')).toBe(2);
    expect(settings.problems).toEqual([
      {
        code: 'SETTINGS_INVALID',
        key: 'sessions.max',
        source: 'kernel command line',
        expected: 'a whole number from 1 to 32',
        message:
          'kernel command line: sessions.max: expected a whole number from 1 to 32, found "many".',
      },
    ]);
  });

  test('null in a later place returns to what null means', () => {
    write({ 'people.guests': false });
    const settings = loadSettings({ file, commandLine: 'vestibule.people.guests=null' });
    expect(settings.get('people.guests')).toBeNull();
  });
});

describe('the file', () => {
  test('a wrong value keeps the default, and says key, expectation, place and finding', () => {
    write({ 'campus.pollSeconds': 'often', 'campus.servers': ['https://a.test/', 'ftp://b'] });
    const settings = loadSettings({ file, commandLine: '' });
    expect(settings.get('campus.pollSeconds')).toBe(60);
    expect(settings.get('campus.servers')).toEqual([]);
    expect(settings.problems.map(({ message }) => message)).toEqual([
      `${file}: campus.pollSeconds: expected a whole number from 5 to 86400, found "often".`,
      `${file}: campus.servers: expected a list of http(s) URLs, or of { "url", "priority", "weight" } (at 1), found ["https://a.test/","ftp://b"].`,
    ]);
  });

  test('an unknown key is named, with the nearest known one', () => {
    write({ 'sesions.max': 2, zzz: 1, __proto__: 1 });
    const { problems } = checkSettings({ file, commandLine: '' });
    expect(problems.map(({ message }) => message)).toEqual([
      `${file}: there is no setting sesions.max; did you mean sessions.max?`,
      `${file}: there is no setting zzz.`,
    ]);
    write('{"__proto__": {"people.guests": true}, "constructor": 1}');
    expect(checkSettings({ file, commandLine: '' }).problems).toHaveLength(2);
    expect(loadSettings({ file, commandLine: '' }).get('people.guests')).toBeNull();
  });

  test.each([
    ['not JSON', '{"a": 1,'],
    ['an array', '[]'],
    ['null', 'null'],
    ['too large', `{"x":"${'y'.repeat(1024 * 1024)}"}`],
  ])('that is %s is refused where it was named', (_, text) => {
    write(text);
    expect(() => loadSettings({ file, commandLine: '' })).toThrow(
      expect.objectContaining({ code: 'SETTINGS_UNREADABLE' }),
    );
    expect(checkSettings({ file, commandLine: '' }).problems).toMatchObject([
      { code: 'SETTINGS_UNREADABLE', key: null, source: file },
    ]);
  });

  test('that is named and missing is an error; the usual one need not exist', () => {
    expect(() => loadSettings({ file, commandLine: '' })).toThrow(
      expect.objectContaining({ code: 'SETTINGS_UNREADABLE' }),
    );
    expect(checkSettings({ file }).problems).toHaveLength(1);
  });

  test('keys and servers may be written short or whole', () => {
    const whole = { id: 'k2', publicKey: Buffer.alloc(44, 1).toString('base64') };
    write({
      $schema: 'settings.schema.json',
      'campus.keys': [KEY, whole],
      'campus.servers': ['https://a.test/v/', { url: 'https://b.test/', priority: 5 }],
    });
    const settings = loadSettings({ file, commandLine: '' });
    expect(settings.problems).toEqual([]);
    expect(settings.get('campus.keys')).toEqual([{ id: 'k1', publicKey: KEY.slice(3) }, whole]);
    expect(settings.get('campus.servers')).toEqual([
      { url: 'https://a.test/v/', priority: 0, weight: 1 },
      { url: 'https://b.test/', priority: 5, weight: 1 },
    ]);
  });

  test('servers without a trusted key are said', () => {
    write({ 'campus.servers': ['https://a.test/'] });
    expect(checkSettings({ file, commandLine: '' }).problems).toMatchObject([
      { key: 'campus.keys', code: 'SETTINGS_INVALID' },
    ]);
  });

  test('a verifier is neither shown nor quoted in a problem', () => {
    const verifier = `scrypt$16384$8$1$${'s'.repeat(22)}$${'h'.repeat(43)}`;
    write({ 'people.localAdministrator': { name: 'root', verifier } });
    const settings = loadSettings({ file, commandLine: '' });
    expect(settings.get('people.localAdministrator')?.verifier).toBe(verifier);
    expect(JSON.stringify(settings.read())).not.toContain('hhhh');
    write({ 'people.localAdministrator': { name: 'root', verifier: 'my plain password' } });
    const { problems } = checkSettings({ file, commandLine: '' });
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain('plain password');
  });
});

describe('the kernel command line', () => {
  test.each<[string, Record<string, string>]>([
    ['BOOT_IMAGE=/vmlinuz ro vestibule.people.guests', { 'people.guests': 'true' }],
    ['vestibule.kiosk.name="Room 4, seat 2"  x=y', { 'kiosk.name': 'Room 4, seat 2' }],
    ['"vestibule.kiosk.name=Room 4" quiet', { 'kiosk.name': 'Room 4' }],
    ['vestibule.a=1 vestibule.a=2\n', { a: '2' }],
    ['vestibule.a=b=c', { a: 'b=c' }],
    ['vestibule.boot.url=http://x/ root=/dev/sda', {}],
    ['quiet -- vestibule.a=1', {}],
    ['xvestibule.a=1 vestibule=1', {}],
    ['vestibule.a="unfinished x', { a: 'unfinished x' }],
  ])('%s', (text, expected) => {
    expect(Object.fromEntries(parseKernelCommandLine(text))).toEqual(expected);
  });

  test('gives texts, numbers, switches, lists and JSON', () => {
    const settings = loadSettings({
      commandLine: [
        'vestibule.kiosk.seat=12',
        'vestibule.sessions.max=2',
        'vestibule.campus.allowPlainServices',
        'vestibule.locale.list=fr,en',
        'vestibule.power.actions=',
        `vestibule.campus.keys=${KEY}`,
        'vestibule.campus.servers=[{"url":"https://a.test/","weight":3}]',
      ].join(' '),
    });
    expect(settings.problems).toEqual([]);
    expect(settings.get('kiosk.seat')).toBe('12');
    expect(settings.get('sessions.max')).toBe(2);
    expect(settings.get('campus.allowPlainServices')).toBe(true);
    expect(settings.get('locale.list')).toEqual(['fr', 'en']);
    expect(settings.get('power.actions')).toEqual([]);
    expect(settings.get('campus.keys')).toMatchObject([{ id: 'k1' }]);
    expect(settings.get('campus.servers')).toEqual([
      { url: 'https://a.test/', priority: 0, weight: 3 },
    ]);
  });

  test('no text breaks it', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...SETTING_KEYS), (text, key) => {
        const settings = loadSettings({ commandLine: `vestibule.${key}=${text} ${text}` });
        const { schema }: Setting = SETTINGS[key];
        expect(schema.safeParse(settings.get(key)).success).toBe(true);
      }),
    );
  });
});

describe("the campus's policy", () => {
  test('sets what is open to it, refuses the rest by name, and tells what changed', () => {
    const settings = loadSettings({ commandLine: '' });
    const heard: unknown[] = [];
    settings.on('changed', ({ keys }) => heard.push(keys));
    const problems = settings.applyPolicy({
      'sessions.max': 2,
      'sessions.graceSeconds': 20,
      'campus.caFile': '/tmp/evil',
      'campus.keys': [KEY],
      'log.level': 'loud',
      unknown: 1,
    });
    expect(heard).toEqual([['sessions.max']]);
    expect(settings.get('campus.caFile')).toBeNull();
    expect(settings.get('campus.keys')).toEqual([]);
    expect(problems.map(({ key }) => key)).toEqual([
      'campus.caFile',
      'campus.keys',
      'log.level',
      'unknown',
    ]);
    expect(problems[0]?.message).toBe(
      'campus policy: campus.caFile cannot be set by the campus, only on the computer itself.',
    );
    expect(settings.problems).toEqual(problems);
  });

  test('that comes again replaces the one before', () => {
    const settings = loadSettings({ commandLine: '' });
    settings.applyPolicy({ 'sessions.max': 2 });
    const heard: unknown[] = [];
    settings.on('changed', ({ keys }) => heard.push(keys));
    settings.applyPolicy({ 'sessions.max': 2 });
    expect(heard).toEqual([]);
    settings.applyPolicy({});
    expect(settings.get('sessions.max')).toBe(4);
    expect(heard).toEqual([['sessions.max']]);
  });
});

describe('documentation', () => {
  test('docs/settings.md and docs/settings.schema.json are those of the schema', async () => {
    await expect(settingsMarkdown()).toMatchFileSnapshot('../../../docs/settings.md');
    await expect(settingsJsonSchema()).toMatchFileSnapshot('../../../docs/settings.schema.json');
  });

  test('every key is in both', () => {
    const schema: unknown = JSON.parse(settingsJsonSchema());
    for (const key of SETTING_KEYS) {
      expect(schema).toHaveProperty(['properties', key, 'description']);
      expect(settingsMarkdown()).toContain(`\`${key}\``);
    }
    expect(schema).toMatchObject({ additionalProperties: false });
  });
});
