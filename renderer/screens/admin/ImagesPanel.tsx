import { useCallback, useState } from 'react';
import type { ImageVersion } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { type KioskFailure, toFailure } from '../../kiosk.ts';
import { useAsked, useStore } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Problem } from '../../ui/Failure.tsx';
import { Answer } from './Answer.tsx';
import { ConfirmDialog } from './ConfirmDialog.tsx';

/** The versions in the image store: check one image again, or go back to an older version. */
export function ImagesPanel() {
  const { t } = useI18n();
  const { api } = useStore();
  const asked = useAsked(useCallback(() => api.images.list(), [api]));
  const [chosen, setChosen] = useState<ImageVersion | null>(null);
  const [error, setError] = useState<KioskFailure | null>(null);
  const [said, setSaid] = useState('');
  const i = t.admin.image;

  const attempt = (call: Promise<unknown>, success: string) => {
    setError(null);
    setSaid('');
    call.then(
      () => {
        setSaid(success);
        asked.ask();
      },
      (thrown: unknown) => setError(toFailure(thrown)),
    );
  };
  return (
    <>
      <p>{i.lead}</p>
      <p role="status">{said}</p>
      <Problem error={error} />
      <Answer asked={asked}>
        {(versions) =>
          versions.length === 0 ? (
            <p>{i.none}</p>
          ) : (
            <Versions
              versions={versions}
              onVerify={(image) => attempt(api.images.verify({ image }), i.verifyStarted)}
              onRollback={setChosen}
            />
          )
        }
      </Answer>
      {chosen !== null && (
        <ConfirmDialog
          title={i.rollbackTitle(chosen.image, chosen.version)}
          text={i.rollbackLead}
          confirm={i.rollback}
          onClose={() => setChosen(null)}
          onConfirm={() => {
            const { image, version } = chosen;
            setChosen(null);
            attempt(api.images.rollback({ image, version }), '');
          }}
        />
      )}
    </>
  );
}

function Versions(props: {
  readonly versions: readonly ImageVersion[];
  readonly onVerify: (image: string) => void;
  readonly onRollback: (version: ImageVersion) => void;
}) {
  const { t, format } = useI18n();
  const i = t.admin.image;
  return (
    <div className="table-scroll">
      <table>
        <thead>
          <tr>
            {[i.image, i.version, i.size, i.arrived, i.checked, i.state, i.actions].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.versions.map((one) => (
            <tr key={`${one.image} ${one.version}`}>
              <th scope="row">{one.image}</th>
              <td>{one.version}</td>
              <td>{format.bytes(one.bytes)}</td>
              <td>{format.stamp(one.committedAt)}</td>
              <td>{one.verifiedAt === null ? i.never : format.stamp(one.verifiedAt)}</td>
              <td>
                {[one.current && i.current, one.pinned && i.pinned, one.inUse && i.inUse]
                  .filter(Boolean)
                  .join(', ')}
              </td>
              <td>
                {one.current ? (
                  <Button
                    aria-label={i.verifyOf(one.image)}
                    onPress={() => props.onVerify(one.image)}
                  >
                    {i.verify}
                  </Button>
                ) : (
                  <Button
                    aria-label={i.rollbackOf(one.image, one.version)}
                    onPress={() => props.onRollback(one)}
                  >
                    {i.rollback}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
