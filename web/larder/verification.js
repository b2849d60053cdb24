/** What was found in the parts of a table, as one. */
export const together = (parts) => parts.reduce((all, part) => ({
  ...all, rows: all.rows + part.rows, differing: [...new Set([...all.differing, ...part.differing])], healed: all.healed + part.healed,
}));
