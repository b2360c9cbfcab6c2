/**
 * Compares a certificate's subject with the `host-subject` of a .vv file, as spice-gtk does:
 * the same attributes, in the same order, with the same values.
 */

/**
 * @param certificateSubject `X509Certificate.subject`: one `TYPE=value` a line, special
 * characters escaped by a backslash
 * @param hostSubject comma-separated `TYPE=value`; a comma in a value is written `\,`
 */
export function subjectMatches(certificateSubject: string, hostSubject: string): boolean {
  const actual = attributes(certificateSubject, '\n');
  const wanted = attributes(hostSubject, ',');
  return (
    wanted.length > 0 &&
    actual.length === wanted.length &&
    actual.every((entry, index) => {
      const other = wanted[index];
      return other !== undefined && entry.type === other.type && entry.value === other.value;
    })
  );
}

function attributes(text: string, separator: string): { type: string; value: string }[] {
  return split(text, separator)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      return {
        type: part.slice(0, equals).trim().toUpperCase(),
        value: unescaped(part.slice(equals + 1)).trim(),
      };
    });
}

/** At separators that no backslash protects. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [''];
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === separator) parts.push('');
    else {
      const taken = character === '\\' ? text.slice(index, ++index + 1) : character;
      parts[parts.length - 1] += taken;
    }
  }
  return parts;
}

/** `\,` to `,`, and `\C3\A9` (two hexadecimal digits: one byte of UTF-8, RFC 4514) to `é`. */
function unescaped(value: string): string {
  return value
    .replace(/(?:\\[0-9A-Fa-f]{2})+/g, (bytes) =>
      Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString('utf8'),
    )
    .replace(/\\(.)/g, '$1');
}
