/**
 * Flag of V8: collect the old generation once it has grown by 40 percent. V8 lets it triple, which costs a replica 80
 * MB (docs/decisions.md, 123).
 */
export const HEAP_GROWTH_FLAG = '--heap-growing-percent=40';
