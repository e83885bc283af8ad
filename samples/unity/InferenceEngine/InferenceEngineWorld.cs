using System;
using System.Collections.Generic;
using Unity.InferenceEngine;
using UnityEngine;

namespace Frameloom
{
    /// <summary>
    /// By Unity's Inference Engine (com.unity.ai.inference 2.2 and later). The file is an asset:
    /// frameloom export RUN --target unity --size 256x144 -o Assets/generator.onnx
    /// </summary>
    public sealed class InferenceEngineWorld : World
    {
        [SerializeField] ModelAsset modelAsset;
        [SerializeField] BackendType backend = BackendType.GPUCompute;

        readonly Dictionary<string, Tensor<float>> inputs = new Dictionary<string, Tensor<float>>();
        Worker worker;
        Tensor<float> frame;

        protected override Shapes Load()
        {
            var model = ModelLoader.Load(modelAsset);
            worker = new Worker(model, backend);
            var shapes = new Shapes();
            foreach (var input in model.inputs)
            {
                if (!input.shape.IsStatic()) throw new InvalidOperationException("export the file with one size: --size 256x144");
                var shape = input.shape.ToTensorShape();
                inputs[input.name] = new Tensor<float>(shape);
                switch (input.name)
                {
                    case "condition":
                        shapes.ConditionChannels = shape[1];
                        break;
                    case "noise":
                        shapes.NoiseChannels = shape[1];
                        break;
                    case "style":
                        shapes.StyleChannels = shape[1];
                        continue;
                    case "actions":
                        shapes.ActionNumbers = shape[3];
                        continue;
                    case "history":
                        break;
                    case "has_history":
                        continue;
                    default:
                        throw new InvalidOperationException($"the input {input.name} is none that this player knows");
                }
                var scale = input.name == "noise" ? 4 : 1;
                shapes.Height = scale * shape[2];
                shapes.Width = scale * shape[3];
            }
            return shapes;
        }

        protected override void Begin(Given given, bool hasHistory)
        {
            Upload("condition", given.Conditions);
            Upload("noise", given.Noise);
            Upload("style", given.Style);
            Upload("actions", given.Actions);
            Upload("has_history", new[] { hasHistory ? 1f : 0f });
            if (!hasHistory && inputs.TryGetValue("history", out var none)) none.Upload(new float[none.shape.length]);
            foreach (var input in inputs) worker.SetInput(input.Key, input.Value);
            worker.Schedule();
            if (inputs.ContainsKey("history"))
            {
                // Where it is: it does not leave the graphics card.
                var history = inputs["history"] as Tensor;
                worker.CopyOutput("next_history", ref history);
                inputs["history"] = history as Tensor<float>;
            }
            frame = worker.PeekOutput("frame") as Tensor<float>;
            frame.ReadbackRequest();
        }

        protected override float[] Take() => frame.IsReadbackRequestDone() ? frame.DownloadToArray() : null;

        protected override void Unload()
        {
            worker?.Dispose();
            foreach (var input in inputs.Values) input.Dispose();
            inputs.Clear();
        }

        void Upload(string name, float[] values)
        {
            if (inputs.TryGetValue(name, out var tensor)) tensor.Upload(values);
        }
    }
}
