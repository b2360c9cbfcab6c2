import type { ReactNode } from 'react';

/** One sentence in the middle of the screen, with what to do next and perhaps a button. */
export function Splash(props: {
  readonly title: string;
  readonly next?: string | undefined;
  readonly code?: string | undefined;
  readonly children?: ReactNode;
}) {
  return (
    <main className="splash" aria-live="polite">
      <h1>{props.title}</h1>
      {props.next !== undefined && <p>{props.next}</p>}
      {props.children}
      {props.code !== undefined && <p className="code">{props.code}</p>}
    </main>
  );
}
