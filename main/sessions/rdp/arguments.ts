/** A target as xfreerdp's command line, of FreeRDP 2 and 3. Pure; no secret passes here. */
import { layoutNumber } from './keyboard-layouts.ts';
import type { RdpHost, RdpTarget } from './target.ts';
import type { RdpProtocol } from './x224.ts';

export interface ViewerPlan {
  /** FreeRDP's major version: the syntax differs. */
  readonly major: 2 | 3;
  readonly target: RdpTarget;
  readonly host: RdpHost;
  readonly protocol: RdpProtocol;
  /** SHA-256 of the certificates that were checked or pinned, lower-case hexadecimal. */
  readonly fingerprints: readonly string[];
  readonly user: string;
  readonly domain: string | undefined;
  /** Marks the window, so that it can be found. */
  readonly windowClass: string;
  readonly title: string;
  /** Folders that exist. */
  readonly drives: RdpTarget['drives'];
  /** False: the window leaves the screen's upper edge to the session bar. */
  readonly fullScreen: boolean;
}

const RECONNECT_TRIES = 20;

export function viewerArguments(plan: ViewerPlan): string[] {
  const { target, host, major } = plan;
  const bracketed = host.host.includes(':') ? `[${host.host}]` : host.host;
  const args = [
    `/v:${bracketed}:${host.port}`,
    `/t:${plan.title}`,
    `/wm-class:${plan.windowClass}`,
    // Else what the session bar leaves.
    ...(plan.fullScreen ? ['/f'] : ['/workarea', '-decorations']),
    // The chord that leaves the session must be ours alone, and full screen stays full screen.
    '-toggle-fullscreen',
    `/sec:${plan.protocol === 'classic' ? 'rdp' : plan.protocol}`,
    `/network:${target.network}`,
    '+auto-reconnect',
    `/auto-reconnect-max-retries:${RECONNECT_TRIES}`,
    '/log-level:WARN',
    target.clipboard ? '+clipboard' : '-clipboard',
  ];
  // Checked already; the viewer compares it again, also when it reconnects.
  args.push(
    plan.fingerprints.length === 0
      ? '/cert:deny'
      : `/cert:${plan.fingerprints.map((one) => `fingerprint:sha256:${colons(one)}`).join(',')}`,
  );
  // The password comes as one line; an empty one leaves the login to the server's own screen.
  args.push(`/u:${plan.user}`, `/d:${plan.domain ?? ''}`, '/from-stdin:force');
  if (target.gateway !== undefined) {
    const { gateway } = target;
    const at = `${gateway.host.includes(':') ? `[${gateway.host}]` : gateway.host}:${gateway.port}`;
    // Without a name of its own it gets the host's; always used, for the hosts are behind it.
    if (major === 3) args.push(`/gateway:g:${at},usage-method:direct`);
    else args.push(`/g:${at}`, '/gateway-usage-method:direct');
  }
  if (target.loadBalanceInfo !== undefined) {
    args.push(`/load-balance-info:${target.loadBalanceInfo}`);
  }
  if (target.keyboard !== undefined) {
    const layout = layoutNumber(target.keyboard);
    args.push(major === 3 ? `/kbd:layout:${layout}` : `/kbd:${layout}`);
  }
  if (target.resize) args.push('/dynamic-resolution');
  if (target.network === 'lan') args.push('/rfx');
  if (target.sound === 'here') args.push('/sound');
  if (target.sound === 'server') args.push('/audio-mode:1');
  if (target.sound === 'off') args.push('/audio-mode:2');
  if (target.microphone) args.push('/microphone');
  if (target.printers) args.push('/printer');
  if (target.monitors === 'all') args.push('/multimon');
  for (const { name, path } of plan.drives) args.push(`/drive:${name},${path}`);
  return args;
}

function colons(fingerprint: string): string {
  return fingerprint.match(/../g)?.join(':') ?? '';
}
