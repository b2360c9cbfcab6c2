/** Which RDP engine shows a session. */
import { describe, expect, test } from 'vitest';
import { type ChoiceInput, chooseEngine } from '../../../main/sessions/rdp/embedded/choice.ts';
import { RdpTarget } from '../../../main/sessions/rdp/target.ts';

const light = { hosts: [{ host: 'ts1' }], sound: 'off' };
const choose = (target: object, changes: Partial<ChoiceInput> = {}) =>
  chooseEngine({
    asked: 'auto',
    preferred: 'embedded',
    nativeInstalled: true,
    target: RdpTarget.parse({ ...light, ...target }),
    ...changes,
  });

describe('automatically', () => {
  test('a light desktop goes by the preference of the kiosk', () => {
    expect(choose({})).toEqual({ engine: 'embedded', notices: [] });
    expect(choose({}, { preferred: 'native' })).toEqual({ engine: 'native', notices: [] });
  });

  test.each([
    [{ sound: 'here' }, 'sound'],
    [{ microphone: true }, 'microphone'],
    [{ drives: [{ name: 'Work', path: '/srv' }] }, 'drives'],
    [{ printers: true }, 'printers'],
    [{ monitors: 'all' }, 'monitors'],
  ])('%j needs the native one, and warns where it is missing', (target, feature) => {
    expect(choose(target)?.engine).toBe('native');
    expect(choose(target, { nativeInstalled: false })).toMatchObject({
      engine: 'embedded',
      notices: [{ code: 'REMOTE_FEATURE_MISSING', details: { feature } }],
    });
  });
});

test('the catalogue decides', () => {
  expect(choose({}, { asked: 'native' })?.engine).toBe('native');
  expect(choose({ sound: 'here' }, { asked: 'embedded' })?.engine).toBe('embedded');
  expect(choose({}, { asked: 'native', nativeInstalled: false })).toMatchObject({
    engine: 'embedded',
    notices: [{ code: 'ENGINE_MISSING' }],
  });
});

test('classic security is never shown in the page', () => {
  const target = { security: 'classic' };
  expect(choose(target, { asked: 'embedded' })?.engine).toBe('native');
  expect(choose(target, { nativeInstalled: false })).toBeUndefined();
});
