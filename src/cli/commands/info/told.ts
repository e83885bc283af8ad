/** What there is to say of something, for programs and for people. */
export interface Told {
  readonly facts: object;
  readonly text: string;
}
