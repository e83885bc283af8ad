/** What says the token to the server. */
export const authorization = (token: string): Record<string, string> => ({
  Authorization: `Bearer ${token}`,
});
