import { createRoot } from 'react-dom/client';
import { App } from './app/App.tsx';
import { Outside } from './screens/start/Outside.tsx';
import { KioskStore } from './store/store.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import { installReporting, startHeartbeat } from './vitals.ts';

/** Main's first answer may take this long before the page says that it waits, in milliseconds. */
const SPLASH_AFTER_MS = 150;

const element = document.getElementById('root');
if (element === null) throw new Error('index.html lacks #root');
const root = createRoot(element);
const api = window.kiosk;
if (api === undefined) {
  root.render(<Outside />);
} else {
  const report = installReporting(api);
  const store = new KioskStore(api);
  // A splash for the time of a frame or two would only hold up the picture after it.
  await Promise.race([
    store.start(),
    new Promise((resolve) => setTimeout(resolve, SPLASH_AFTER_MS)),
  ]);
  startHeartbeat(api, element);
  root.render(<App store={store} report={report} />);
}
