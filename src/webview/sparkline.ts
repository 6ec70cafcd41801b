// The outline of the rate's small chart as SVG path data. Pure geometry; progress.ts draws it.

export interface Sparkline {
  line: string;
  /** The line closed down to the ground, for the fill. */
  area: string;
  max: number;
}

/** Newest value at the right edge; fewer values than `slots` leave the left side empty. */
export function sparkline(
  values: readonly number[],
  width: number,
  height: number,
  slots: number,
): Sparkline {
  const shown = values.slice(-slots).map((value) => (Number.isFinite(value) && value > 0 ? value : 0));
  const max = shown.reduce((a, b) => Math.max(a, b), 0);
  const step = width / Math.max(1, slots - 1);
  const start = width - step * (shown.length - 1);
  const points = shown.map((value, index) => {
    const y = max === 0 ? height : height - (value / max) * (height - 2) - 1;
    return `${(start + index * step).toFixed(1)},${y.toFixed(1)}`;
  });
  const line = points.length > 1 ? `M${points.join('L')}` : '';
  const area = line && `${line}L${width.toFixed(1)},${height}L${start.toFixed(1)},${height}Z`;
  return { line, area, max };
}
