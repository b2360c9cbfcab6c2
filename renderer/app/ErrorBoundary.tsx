import { Component, type ErrorInfo, type ReactNode } from 'react';
import { Splash } from '../screens/start/Splash.tsx';
import { startupMessages } from '../screens/start/startup.ts';
import type { Report } from '../vitals.ts';

interface Props {
  readonly report: Report;
  readonly children: ReactNode;
}

/** Whatever fails below leaves a sentence and a way on, never a blank screen. */
export class ErrorBoundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    this.props.report(error);
    if (info.componentStack) this.props.report(`In:${info.componentStack}`);
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    const t = startupMessages();
    return (
      <Splash title={t.broken} next={t.brokenNext}>
        {/* A plain button: what failed may be the component library. */}
        <button type="button" className="button primary" onClick={() => location.reload()}>
          {t.reload}
        </button>
      </Splash>
    );
  }
}
