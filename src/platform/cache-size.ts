/**
 * Options for an `LRUCache` of at most `entries`. Given `max`, it would reserve memory for all of them when it is made,
 * which took a tenth of a replica's start.
 */
export function cacheSize(entries: number): { maxSize: number; sizeCalculation: () => number } {
  return { maxSize: entries, sizeCalculation: () => 1 };
}
