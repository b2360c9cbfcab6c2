/** Which of the two RDP engines shows a session, and what the embedded one lacks of it. */
import type { WireError } from '../../../../preload/contract/errors.ts';
import type { RdpTarget } from '../target.ts';

/** What only the native viewer does. */
const NATIVE_FEATURES = ['sound', 'microphone', 'drives', 'printers', 'monitors'] as const;
type NativeFeature = (typeof NATIVE_FEATURES)[number];

const IN_WORDS: Readonly<Record<NativeFeature, string>> = {
  sound: 'Sound',
  microphone: 'The microphone',
  drives: 'Folders of this computer',
  printers: 'Printers of this computer',
  monitors: 'More than one monitor',
};

export interface ChoiceInput {
  /** What the catalogue says. */
  readonly asked: 'auto' | 'native' | 'embedded';
  /** What `auto` means on this kiosk where both would do. */
  readonly preferred: 'native' | 'embedded';
  readonly nativeInstalled: boolean;
  readonly target: RdpTarget;
}

export interface Choice {
  readonly engine: 'native' | 'embedded';
  /** Asked for and missing: the session goes on without it. */
  readonly notices: readonly WireError[];
}

/**
 * The catalogue decides; `auto` takes the native engine where a session needs what only that has,
 * else the kiosk's preference. What is not installed is not chosen, but classic security, which
 * the embedded engine refuses by design, is never shown by it.
 * @returns undefined where the session needs the native engine and it is missing
 */
export function chooseEngine({
  asked,
  preferred,
  nativeInstalled,
  target,
}: ChoiceInput): Choice | undefined {
  const missing = NATIVE_FEATURES.filter((feature) => needs(target, feature));
  // Nor does it know gateways.
  if (target.security === 'classic' || target.gateway !== undefined) {
    return nativeInstalled ? { engine: 'native', notices: [] } : undefined;
  }
  const wanted = asked === 'auto' ? (missing.length > 0 ? 'native' : preferred) : asked;
  if (wanted === 'native' && nativeInstalled) return { engine: 'native', notices: [] };
  return {
    engine: 'embedded',
    notices: [
      ...(asked === 'native' ? [NOT_INSTALLED] : []),
      ...missing.map(
        (feature): WireError => ({
          code: 'REMOTE_FEATURE_MISSING',
          message: `${IN_WORDS[feature]}: not in a session that is shown in the page.`,
          details: { feature },
        }),
      ),
    ],
  };
}

const NOT_INSTALLED: WireError = {
  code: 'ENGINE_MISSING',
  message: 'xfreerdp, xdotool or xinput is not installed: the session is shown in the page.',
};

function needs(target: RdpTarget, feature: NativeFeature): boolean {
  switch (feature) {
    case 'sound':
      return target.sound === 'here';
    case 'drives':
      return target.drives.length > 0;
    case 'monitors':
      return target.monitors === 'all';
    default:
      return target[feature];
  }
}
