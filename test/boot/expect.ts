/** @throws Error that says both */
export function expect(found: string, wanted: string): void {
  if (found !== wanted) throw new Error(`"${found}" where "${wanted}" was expected`);
}
