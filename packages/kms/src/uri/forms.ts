/** Forms of names that more than one URI has. */
export const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d{1,2}$/;
export const PROJECT = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/;
export const GCP_NAME = /^[A-Za-z0-9_-]{1,63}$/;
/** A prefix of names in a store: ends with a slash. */
export const PREFIX = /^(?:[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*\/)+$/;
