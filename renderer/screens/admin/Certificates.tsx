import { useCallback, useState } from 'react';
import type { KeptCertificate } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { type KioskFailure, toFailure } from '../../kiosk.ts';
import { useAsked, useStore } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Failure } from '../../ui/Failure.tsx';
import { Answer } from './Answer.tsx';
import { ConfirmDialog } from './ConfirmDialog.tsx';

/** What this computer believes of remote desktops since it met them first; absent where nothing. */
export function Certificates() {
  const { t, format } = useI18n();
  const { api } = useStore();
  const asked = useAsked(useCallback(() => api.certificates.list(), [api]));
  const [chosen, setChosen] = useState<KeptCertificate | null>(null);
  const [error, setError] = useState<KioskFailure | null>(null);
  const [said, setSaid] = useState('');
  const c = t.admin.certificate;

  const forget = ({ host, port }: KeptCertificate) => {
    setChosen(null);
    setError(null);
    api.certificates.forget({ host, port }).then(
      () => {
        setSaid(c.forgotten);
        asked.ask();
      },
      (thrown: unknown) => setError(toFailure(thrown)),
    );
  };
  return (
    <>
      <p role="status">{said}</p>
      {error !== null && (
        <div className="problem" role="alert">
          <Failure error={error} />
        </div>
      )}
      <Answer asked={asked}>
        {(kept) =>
          kept.length > 0 && (
            <section aria-labelledby="kept-certificates">
              <h3 id="kept-certificates">{c.heading}</h3>
              <p>{c.lead}</p>
              <div className="table-scroll">
                <table>
                  <thead>
                    <tr>
                      {[c.server, c.fingerprint, c.seen, t.admin.image.actions].map((head) => (
                        <th key={head} scope="col">
                          {head}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {kept.map((one) => (
                      <tr key={serverOf(one)}>
                        <th scope="row" dir="ltr">
                          {serverOf(one)}
                        </th>
                        <td dir="ltr" className="fingerprint">
                          {one.fingerprint.match(/.{1,8}/g)?.join(' ')}
                        </td>
                        <td>{format.stamp(one.firstSeenAt)}</td>
                        <td>
                          <Button
                            aria-label={c.forgetOf(serverOf(one))}
                            onPress={() => setChosen(one)}
                          >
                            {c.forget}
                          </Button>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </section>
          )
        }
      </Answer>
      {chosen !== null && (
        <ConfirmDialog
          title={c.forgetTitle(serverOf(chosen))}
          text={c.forgetLead}
          confirm={c.forget}
          onClose={() => setChosen(null)}
          onConfirm={() => forget(chosen)}
        />
      )}
    </>
  );
}

function serverOf({ host, port }: KeptCertificate): string {
  return `${host}:${port}`;
}
