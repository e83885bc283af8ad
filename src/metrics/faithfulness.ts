/** The same measure of generated frames and of the real ones beside them, which is what can be reached. */
export interface MadeAndReal {
  /** Null where it says nothing: no edge in any frame, say. */
  readonly made: number | null;
  readonly real: number | null;
}

/** How well generated frames show what their condition asked for, found out from the frames alone. */
export type Faithfulness =
  | {
      /** The condition's outlines, made of the generated frames by the condition's own filtergraph. */
      readonly kind: 'edges';
      readonly frames: number;
      /** F1 of the pixels of edges, 0 to 1, one pixel off still right. */
      readonly f1: MadeAndReal;
    }
  | {
      /** The condition's picture, grey or small or blurred, made of the generated frames the same way. */
      readonly kind: 'picture';
      readonly frames: number;
      /** Decibels, mean over frames, at most 100. */
      readonly psnr: MadeAndReal;
    }
  | {
      /** The label maps that a small segmenter, trained on real pairs, sees in the frames. */
      readonly kind: 'labels';
      readonly frames: number;
      /** Intersection over union, mean over the classes that there are. */
      readonly meanIou: MadeAndReal;
      /** Share of pixels whose class is right. */
      readonly accuracy: MadeAndReal;
      readonly classes: readonly (MadeAndReal & { readonly name: string })[];
    };
