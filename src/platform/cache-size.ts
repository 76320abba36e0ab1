/**
 * Options for an `LRUCache` of at most `entries`. With `max` instead, the cache would reserve memory for all of them
 * when created, which took a tenth of a replica's startup time.
 */
export function cacheSize(entries: number): { maxSize: number; sizeCalculation: () => number } {
  return { maxSize: entries, sizeCalculation: () => 1 };
}
