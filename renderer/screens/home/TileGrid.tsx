import { useEffect, useRef } from 'react';
import type { CatalogueEntry } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useKiosk, useStore } from '../../store/hooks.ts';
import { isActive } from '../../store/sessions.ts';
import { moveFocus } from './arrows.ts';
import { Tile } from './Tile.tsx';

/** The tiles as a list of buttons; Tab goes through them, the arrow keys go where they point. */
export function TileGrid(props: {
  readonly catalogue: readonly CatalogueEntry[];
  readonly onExplain: (entry: CatalogueEntry) => void;
}) {
  const { t } = useI18n();
  const store = useStore();
  const sessions = useKiosk((snapshot) => snapshot.sessions);
  const starting = useKiosk((snapshot) => snapshot.starting);
  const list = useRef<HTMLUListElement>(null);

  // Who signed in by keyboard goes on by keyboard.
  useEffect(() => {
    list.current?.querySelector<HTMLElement>('button:not([aria-disabled="true"])')?.focus();
  }, []);

  return (
    <ul
      ref={list}
      className="grid"
      aria-label={t.home.sessions}
      onKeyDown={(event) => {
        if (moveFocus(event.currentTarget, event.key)) event.preventDefault();
      }}
    >
      {props.catalogue.map((entry) => {
        const session = sessions.find((one) => one.entryId === entry.id && isActive(one));
        return (
          <li key={entry.id}>
            <Tile
              entry={entry}
              session={session}
              starting={starting.has(entry.id)}
              onStart={() => void store.startEntry(entry.id)}
              onReturn={(id) => store.show(id)}
              onExplain={() => props.onExplain(entry)}
            />
          </li>
        );
      })}
    </ul>
  );
}
