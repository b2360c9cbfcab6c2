/** Writes docs/machine.schema.json from the schema of machine descriptions. */
import { writeFileSync } from 'node:fs';
import { descriptionJsonSchema } from '../main/sessions/vm/description.ts';

writeFileSync(
  new URL('../docs/machine.schema.json', import.meta.url),
  `${JSON.stringify(descriptionJsonSchema(), null, 2)}\n`,
);
