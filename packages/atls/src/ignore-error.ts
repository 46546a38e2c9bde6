/** Listens to errors of a socket that nobody listens to yet, or any more: without a listener they would end the process. */
export function ignoreError(): void {}
