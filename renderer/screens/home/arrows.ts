/** Arrow keys between things that lie in rows, by where they are on the screen. */

interface Box {
  readonly x: number;
  readonly y: number;
}

/**
 * Moves the focus among the buttons of a container.
 * @returns whether the key was one that moves
 */
export function moveFocus(container: HTMLElement, key: string): boolean {
  const buttons = [...container.querySelectorAll<HTMLElement>('button')];
  const from = buttons.findIndex((button) => button.matches(':focus'));
  if (from < 0) return false;
  const boxes = buttons.map((button) => {
    const { left, top, width } = button.getBoundingClientRect();
    return { x: left + width / 2, y: top };
  });
  const to = target(boxes, from, key, getComputedStyle(container).direction === 'rtl');
  if (to === undefined) return false;
  buttons[to]?.focus();
  return true;
}

/**
 * Which box a key leads to: left and right follow the reading order, up and down go to the
 * nearest box of the next row. Undefined for other keys; the same index at an edge.
 */
export function target(
  boxes: readonly Box[],
  from: number,
  key: string,
  rightToLeft: boolean,
): number | undefined {
  const last = boxes.length - 1;
  const forward = rightToLeft ? 'ArrowLeft' : 'ArrowRight';
  const backward = rightToLeft ? 'ArrowRight' : 'ArrowLeft';
  switch (key) {
    case forward:
      return Math.min(last, from + 1);
    case backward:
      return Math.max(0, from - 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'ArrowDown':
      return nearest(boxes, from, (y, here) => y > here + 1);
    case 'ArrowUp':
      return nearest(boxes, from, (y, here) => y < here - 1);
    default:
      return undefined;
  }
}

function nearest(
  boxes: readonly Box[],
  from: number,
  beyond: (y: number, here: number) => boolean,
): number {
  const here = boxes[from];
  if (here === undefined) return from;
  let best = from;
  let bestScore = Number.POSITIVE_INFINITY;
  boxes.forEach((box, index) => {
    if (!beyond(box.y, here.y)) return;
    // The row comes first; within a row, the column.
    const score = Math.abs(box.y - here.y) * 1e4 + Math.abs(box.x - here.x);
    if (score < bestScore) [best, bestScore] = [index, score];
  });
  return best;
}
