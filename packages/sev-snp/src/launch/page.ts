/** Bytes of a page as firmware measures it. */
export const PAGE_BYTES = 4096;
