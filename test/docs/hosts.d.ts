// What the guides use of packages that are not installed here, as their own declarations say it: of three 0.187 and
// Electron 41, against which the programs were compiled too when they were written.
declare module 'three' {
  export const SRGBColorSpace: 'srgb';
  export class Texture {
    colorSpace: string;
    flipY: boolean;
    needsUpdate: boolean;
  }
  export class DataTexture extends Texture {
    constructor(data: ArrayBufferView | null, width: number, height: number);
  }
  export class PlaneGeometry {
    constructor(width?: number, height?: number);
    readonly type: string;
  }
  export class MeshBasicMaterial {
    constructor(parameters?: { map?: Texture | null });
    map: Texture | null;
  }
  export class Object3D {
    add(...objects: Object3D[]): this;
  }
  export class Mesh extends Object3D {
    constructor(geometry?: PlaneGeometry, material?: MeshBasicMaterial);
  }
  export class Scene extends Object3D {}
  export class OrthographicCamera extends Object3D {
    constructor(
      left?: number,
      right?: number,
      top?: number,
      bottom?: number,
      near?: number,
      far?: number,
    );
  }
  export class WebGLRenderer {
    readonly domElement: HTMLElement;
    setAnimationLoop(callback: ((time: number) => void) | null): void;
    render(scene: Object3D, camera: OrthographicCamera): void;
  }
}

declare module 'electron' {
  export const app: { whenReady(): Promise<void> };
  export class BrowserWindow {
    constructor(options?: { webPreferences?: { backgroundThrottling?: boolean } });
    loadFile(path: string): Promise<void>;
  }
  type Headers = Record<string, string | string[]>;
  export const session: {
    readonly defaultSession: {
      readonly webRequest: {
        onHeadersReceived(
          listener: (
            details: { readonly responseHeaders?: Record<string, string[]> },
            callback: (response: { responseHeaders?: Headers }) => void,
          ) => void,
        ): void;
      };
    };
  };
}
