import { expect, test } from 'vitest';
import { ChordReader } from '../../../main/sessions/native-chord.ts';

/** As `xinput test-xi2 --root` prints it, with the cooked event that follows each raw one. */
function lines(type: number, name: string, detail: number): string[] {
  return [
    `EVENT type ${type} (Raw${name})`,
    '    device: 3 (5)',
    `    detail: ${detail}`,
    '    valuators:',
    '',
    `EVENT type ${type - 11} (${name})`,
    '    device: 5 (5)',
    `    detail: ${detail}`,
    '    flags: ',
  ];
}
const press = (key: number) => lines(13, 'KeyPress', key);
const release = (key: number) => lines(14, 'KeyRelease', key);
const heard = (...parts: string[][]) => {
  const reader = new ChordReader();
  return parts.flat().filter((line) => reader.read(line)).length;
};
const [CONTROL, RIGHT_CONTROL, ALT, HOME, A] = [37, 105, 64, 110, 38];

test('Ctrl+Alt+Home, with either Ctrl and in any order of the two', () => {
  expect(heard(press(CONTROL), press(ALT), press(HOME))).toBe(1);
  expect(heard(press(ALT), press(RIGHT_CONTROL), press(A), release(A), press(HOME))).toBe(1);
});

test('nothing less', () => {
  expect(heard(press(CONTROL), press(HOME))).toBe(0);
  expect(heard(press(CONTROL), press(ALT), release(ALT), press(HOME))).toBe(0);
  expect(heard(press(HOME), press(CONTROL), press(ALT))).toBe(0);
  expect(heard(['EVENT type 17 (RawMotion)', '    detail: 110'])).toBe(0);
});
