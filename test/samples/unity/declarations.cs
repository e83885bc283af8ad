// What samples/unity uses of UnityEngine, of com.unity.ai.inference 2.4 and of Microsoft.ML.OnnxRuntime 1.16, as their
// own sources declare it, without what it does: for compiling alone.
using System;
using System.Collections;
using System.Collections.Generic;

namespace UnityEngine
{
    public class Object { public static void Destroy(Object obj) { } }
    public class Component : Object { public T GetComponent<T>() => default(T); }
    public class Behaviour : Component { public bool enabled { get; set; } }
    public class MonoBehaviour : Behaviour { }
    public class Texture : Object { }
    public enum TextureFormat { RGBA32 = 4 }
    public class Texture2D : Texture
    {
        public Texture2D(int width, int height, TextureFormat textureFormat, bool mipChain) { }
        public void LoadRawTextureData(byte[] data) { }
        public void Apply(bool updateMipmaps) { }
    }
    public class Material : Object { public Texture mainTexture { get; set; } }
    public class Renderer : Component { public Material material { get; set; } }
    public static class Time { public static float time => 0; }
    public static class Application { public static string streamingAssetsPath => ""; }
    [AttributeUsage(AttributeTargets.Field)] public sealed class SerializeField : Attribute { }
    [AttributeUsage(AttributeTargets.Field)] public class TooltipAttribute : Attribute { public TooltipAttribute(string tooltip) { } }
}

namespace Unity.InferenceEngine
{
    public enum BackendType { CPU, GPUCompute, GPUPixel }
    public class ModelAsset : UnityEngine.Object { }
    public struct TensorShape
    {
        public int length => 0;
        public int this[int axis] => 0;
    }
    public struct DynamicTensorShape
    {
        public bool IsStatic() => true;
        public TensorShape ToTensorShape() => default(TensorShape);
    }
    public class Model
    {
        public struct Input { public string name; public DynamicTensorShape shape; }
        public List<Input> inputs = new List<Input>();
    }
    public static class ModelLoader { public static Model Load(ModelAsset modelAsset) => null; }
    public abstract class Tensor : IDisposable
    {
        public TensorShape shape => default(TensorShape);
        public bool IsReadbackRequestDone() => true;
        public void ReadbackRequest() { }
        public void Dispose() { }
    }
    public class Tensor<T> : Tensor where T : struct
    {
        public Tensor(TensorShape shape, bool clearOnInit = true) { }
        public void Upload(T[] srcData) { }
        public T[] DownloadToArray() => null;
    }
    public class Worker : IDisposable
    {
        public Worker(Model model, BackendType backendType) { }
        public void SetInput(string name, Tensor input) { }
        public void Schedule() { }
        public Tensor PeekOutput(string name) => null;
        public void CopyOutput(string name, ref Tensor tensor) { }
        public void Dispose() { }
    }
}

namespace Microsoft.ML.OnnxRuntime
{
    public class SessionOptions : IDisposable
    {
        public int IntraOpNumThreads { get; set; }
        public void Dispose() { }
    }
    public class RunOptions : IDisposable { public void Dispose() { } }
    public class NodeMetadata { public int[] Dimensions => null; }
    public interface IDisposableReadOnlyCollection<T> : IReadOnlyCollection<T>, IReadOnlyList<T>, IDisposable { }
    /// <summary>In the place of System.ReadOnlySpan, which this compiler's library may lack.</summary>
    public struct ReadOnlySpan<T> { public T[] ToArray() => null; }
    public class OrtValue : IDisposable
    {
        public static OrtValue CreateTensorValueFromMemory<T>(T[] data, long[] shape) where T : struct => null;
        public ReadOnlySpan<T> GetTensorDataAsSpan<T>() where T : struct => default(ReadOnlySpan<T>);
        public void Dispose() { }
    }
    public class InferenceSession : IDisposable
    {
        public InferenceSession(string modelPath, SessionOptions options) { }
        public IReadOnlyDictionary<string, NodeMetadata> InputMetadata => null;
        public IReadOnlyDictionary<string, NodeMetadata> OutputMetadata => null;
        public IDisposableReadOnlyCollection<OrtValue> Run(
            RunOptions runOptions,
            IReadOnlyDictionary<string, OrtValue> inputs,
            IReadOnlyCollection<string> outputNames) => null;
        public void Dispose() { }
    }
}
