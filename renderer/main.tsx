import { createRoot } from 'react-dom/client';
import { App } from './app/App.tsx';
import { Outside } from './screens/start/Outside.tsx';
import { KioskStore } from './store/store.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import { installReporting, startHeartbeat } from './vitals.ts';

const element = document.getElementById('root');
if (element === null) throw new Error('index.html lacks #root');
const root = createRoot(element);
const api = window.kiosk;
if (api === undefined) {
  root.render(<Outside />);
} else {
  const report = installReporting(api);
  const store = new KioskStore(api);
  void store.start();
  startHeartbeat(api, element);
  root.render(<App store={store} report={report} />);
}
