/** The settings as documentation: derived from the schema, so that it cannot be out of date. */
import { z } from 'zod';
import { SETTING_KEYS, SETTINGS, type Setting, SettingsFile } from './schema.ts';

/** JSON Schema (2020-12) of the settings file, for editors and for campus tools. */
export function settingsJsonSchema(): string {
  const { properties, ...schema } = z.toJSONSchema(SettingsFile, { io: 'input' });
  const described = Object.fromEntries(
    Object.entries(properties ?? {}).map(([key, property]) => {
      const known = SETTING_KEYS.find((name) => name === key);
      if (!known || typeof property !== 'object') return [key, property];
      const { description, fallback }: Setting = SETTINGS[known];
      return [key, { description, default: fallback, ...property }];
    }),
  );
  const document = { ...schema, title: 'Vestibule settings', properties: described };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** docs/settings.md */
export function settingsMarkdown(): string {
  const rows = SETTING_KEYS.map((key) => {
    const { expected, fallback, description, policy, restart }: Setting = SETTINGS[key];
    const cells = [
      `\`${key}\``,
      code(JSON.stringify(fallback)),
      expected,
      policy ? (restart ? 'yes, from the next start' : 'yes, at once') : 'no',
      description,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `# Settings

Made from \`main/settings/schema.ts\`; do not edit. After a change there: \`npx vitest run --project unit test/unit/settings -u\`.

A kiosk needs no settings to start, and two to be of use: \`campus.servers\` and \`campus.keys\`. Each key has one name in every place it can be set; a later place wins:

1. the defaults below
2. \`/etc/vestibule/settings.json\`, or the file named by \`--settings\`: one JSON object, keys as below. \`settings.schema.json\` beside this page is its JSON schema
3. the kernel command line: \`vestibule.<key>=<value>\`. Lists may be separated by commas, a name alone means true, values with spaces stand in double quotes, other forms are given as JSON. \`vestibule.boot.*\` belongs to the boot script and is not read here
4. the campus's signed manifest, \`policy.settings\`: only the keys marked yes under *campus*. What decides whom the kiosk trusts is never among them

Where data lives, windowed mode and developer tools are options of the start (\`--data-folder\`, \`--runtime-folder\`, \`--windowed\`, \`--developer\`), not settings: neither a file nor a campus may turn them on.

\`vestibule config check\` reads the file and the command line strictly, prints what is wrong and exits with 1. A running kiosk goes on with the value of the place before, and shows the same sentences to administrators.

\`\`\`json
{
  "$schema": "https://example.org/settings.schema.json",
  "campus.servers": ["https://campus.example.org/vestibule/"],
  "campus.keys": ["2026:hRY3F0Vb5Y4aLpKfFBf1wzC4cN2z0m9mYvV0cQm1w1A="]
}
\`\`\`

| key | default | a right value | campus | what it is for |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function code(text: string): string {
  return `\`${text}\``;
}
