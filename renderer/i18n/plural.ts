/** Plural forms of a language, as CLDR names them; `other` is always there. */
type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { readonly other: string };

/**
 * A message that counts: picks the form for the number and puts the number, formatted in that
 * language, where the form has `#`.
 */
export function counter(locale: string, forms: Forms): (count: number) => string {
  // Made at first use: constructing Intl objects costs start-up time.
  let rules: Intl.PluralRules | undefined;
  let numbers: Intl.NumberFormat | undefined;
  return (count) => {
    rules ??= new Intl.PluralRules(locale);
    numbers ??= new Intl.NumberFormat(locale);
    return (forms[rules.select(count)] ?? forms.other).replace('#', numbers.format(count));
  };
}
