/** What every benchmark prints: a table, and one line of JSON that a program reads. */

/** The middle of sorted values; the mean of the two in the middle where their count is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Prints rows in columns, the first row being their titles; numbers to the right. */
export function printTable(rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map((row) => row.map(String));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  for (const [index, row] of cells.entries()) {
    const line = row.map((cell, column) => {
      const numeric = typeof rows[index]?.[column] === 'number';
      return numeric ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
    });
    console.log(line.join('  ').trimEnd());
    if (index === 0) console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  }
}

/** The last line. `ok`: the ratio reaches the goal, and whatever else the benchmark demands. */
export function printResult(result: {
  readonly bench: string;
  readonly ratio: number;
  readonly goal: number;
  readonly ok: boolean;
  readonly [figure: string]: string | number | boolean;
}): void {
  console.log(JSON.stringify({ ...result, ratio: Math.round(result.ratio * 1000) / 1000 }));
}
