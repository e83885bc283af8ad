using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.ML.OnnxRuntime;
using UnityEngine;

namespace Frameloom
{
    /// <summary>
    /// By ONNX Runtime (the NuGet package Microsoft.ML.OnnxRuntime, 1.16 and later), in a thread of its own. The file lies in StreamingAssets:
    /// frameloom export RUN --size 256x144 -o Assets/StreamingAssets/generator.onnx
    /// </summary>
    public sealed class OnnxRuntimeWorld : World
    {
        [SerializeField] string file = "generator.onnx";
        [Tooltip("Threads of the processor; 0 for as many as ONNX Runtime likes")]
        [SerializeField] int threads = 2;

        static readonly HashSet<string> Known = new HashSet<string> { "condition", "history", "noise", "style", "actions", "has_history" };

        InferenceSession session;
        float[] history;
        Task<float[]> frame;

        protected override Shapes Load()
        {
            using (var options = new SessionOptions { IntraOpNumThreads = threads })
            {
                session = new InferenceSession(Path.Combine(Application.streamingAssetsPath, file), options);
            }
            var unknown = session.InputMetadata.Keys.FirstOrDefault(name => !Known.Contains(name));
            if (unknown != null) throw new InvalidOperationException($"the input {unknown} is none that this player knows");
            if (session.InputMetadata.Values.Any(input => input.Dimensions.Any(side => side <= 0)))
            {
                throw new InvalidOperationException("export the file with one size: --size 256x144");
            }
            history = session.InputMetadata.ContainsKey("history") ? new float[Length("history")] : null;
            var shapes = new Shapes
            {
                ConditionChannels = Channels("condition"),
                NoiseChannels = Channels("noise"),
                StyleChannels = Channels("style"),
                ActionNumbers = session.InputMetadata.TryGetValue("actions", out var told) ? told.Dimensions[3] : 0,
            };
            var frameShape = session.OutputMetadata["frame"].Dimensions;
            shapes.Height = frameShape[2];
            shapes.Width = frameShape[3];
            return shapes;
        }

        protected override void Begin(Given given, bool hasHistory)
        {
            if (!hasHistory && history != null) Array.Clear(history, 0, history.Length);
            frame = Task.Run(() => Run(given, hasHistory));
        }

        // What the run failed with is thrown here.
        protected override float[] Take() => frame.IsCompleted ? frame.GetAwaiter().GetResult() : null;

        protected override void Unload()
        {
            // Of a frame that is being made nobody is told any more.
            frame?.ContinueWith(made => made.Exception).Wait();
            session?.Dispose();
        }

        float[] Run(Given given, bool hasHistory)
        {
            var values = new Dictionary<string, float[]>
            {
                { "condition", given.Conditions },
                { "history", history },
                { "noise", given.Noise },
                { "style", given.Style },
                { "actions", given.Actions },
                { "has_history", new[] { hasHistory ? 1f : 0f } },
            };
            var inputs = session.InputMetadata.Keys.ToDictionary(
                name => name,
                name => OrtValue.CreateTensorValueFromMemory(values[name], Shape(name)));
            var outputs = history == null ? new[] { "frame" } : new[] { "frame", "next_history" };
            try
            {
                using (var options = new RunOptions())
                using (var made = session.Run(options, inputs, outputs))
                {
                    if (history != null) history = made[1].GetTensorDataAsSpan<float>().ToArray();
                    return made[0].GetTensorDataAsSpan<float>().ToArray();
                }
            }
            finally
            {
                foreach (var input in inputs.Values) input.Dispose();
            }
        }

        long[] Shape(string name) => session.InputMetadata[name].Dimensions.Select(side => (long)side).ToArray();

        int Length(string name) => (int)Shape(name).Aggregate(1L, (all, side) => all * side);

        int Channels(string name) =>
            session.InputMetadata.TryGetValue(name, out var input) ? input.Dimensions[1] : 0;
    }
}
