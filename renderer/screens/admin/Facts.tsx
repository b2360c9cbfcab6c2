import type { ReactNode } from 'react';

/** Names and values, one below the other. */
export function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Several values under one name. */
export function Lines({
  lines,
  none,
}: {
  readonly lines: readonly string[];
  readonly none: string;
}) {
  if (lines.length === 0) return none;
  return (
    <ul className="lines">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
