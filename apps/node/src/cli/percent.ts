/** A share of 0 to 1 for people: two digits behind the point, and never `0.00 %` for something. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0001) return '<0.01 %'
  return `${(share * 100).toFixed(2)} %`
}
