import { AccessibilityPanel } from './AccessibilityPanel.tsx';
import { AdministratorPanel } from './AdministratorPanel.tsx';
import { PowerPanel } from './PowerPanel.tsx';
import type { Panel } from './panels.ts';
import { SignOutPanel } from './SignOutPanel.tsx';

/** The panel that is open: fetched after the first screen, which does without them. */
export default function Panels(props: {
  readonly panel: Panel;
  readonly onClose: () => void;
  readonly onAdministrator: () => void;
}) {
  const { panel, onClose } = props;
  switch (panel) {
    case 'accessibility':
      return <AccessibilityPanel onClose={onClose} />;
    case 'administrator':
      return <AdministratorPanel onClose={onClose} onSignedIn={props.onAdministrator} />;
    case 'sign-out':
      return <SignOutPanel onClose={onClose} />;
    case 'shutdown':
    case 'restart':
    case 'suspend':
      return <PowerPanel action={panel} onClose={onClose} />;
  }
}
