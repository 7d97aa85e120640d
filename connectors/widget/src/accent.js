// A library's own colour, kept readable: which text reads on it, and whether it reads as text itself (WCAG 2.2, 1.4.3).

/** Return the relative luminance of a computed colour, "rgb(1, 2, 3)", nearly; undefined for what is no such colour. */
export function light(colour) {
  const parts = /^rgb\((\d+), (\d+), (\d+)\)/.exec(colour)?.map((part) => (part / 255) ** 2.2);
  return parts && 0.2126 * parts[1] + 0.7152 * parts[2] + 0.0722 * parts[3];
}

/** Return black or white, whichever reads better on a colour of this luminance. */
export const textOn = (luminance) => (luminance > 0.18 ? '#000' : '#fff');

/** Whether text of one luminance reads on a ground of the other: 4.5 and what `light` may be wrong by. */
export const reads = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) > 5.1;
