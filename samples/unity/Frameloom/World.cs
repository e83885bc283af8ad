using System;
using UnityEngine;

namespace Frameloom
{
    public enum ConditionContent
    {
        None,
        /// <summary>One grey byte or three colours a pixel.</summary>
        Image,
        /// <summary>The id of a class a pixel.</summary>
        Labels,
    }

    /// <summary>
    /// A world that goes on by fixed steps, shown on this object's Renderer. A step that is due while a frame is still being made
    /// is dropped, so that the game never waits. Export with one size: frameloom export RUN --size 256x144.
    /// </summary>
    public abstract class World : MonoBehaviour
    {
        [SerializeField] ConditionContent content = ConditionContent.Labels;
        [Tooltip("conditionFrames of the pipeline's generator")]
        [SerializeField] int conditionFrames = 1;
        [SerializeField] float fps = 25f;
        [SerializeField] int seed = 1;
        [Tooltip("A look, where the generator is told one: as many numbers in [-1, 1]")]
        [SerializeField] float[] style = Array.Empty<float>();
        [Tooltip("Keys and axes, where the generator is told any")]
        [SerializeField] int actionColumns;

        byte[] condition;
        float[] pressed;
        /// <summary>Of the last frames, oldest first: each column, then 1; all 0 of frames that there were none of.</summary>
        float[] actions;
        byte[] rgba;
        float[] conditions;
        float[] noise;
        Texture2D texture;
        System.Random random;
        float dueSeconds;
        bool begins;
        bool isMaking;

        /// <summary>Frames made since the beginning.</summary>
        public int Frames { get; private set; }
        /// <summary>Steps that made no frame, since the one before took too long.</summary>
        public int Dropped { get; private set; }
        public int Width { get; private set; }
        public int Height { get; private set; }

        /// <summary>Loads the generator. Shapes are those of its inputs: batch, channels, height, width.</summary>
        protected abstract Shapes Load();
        /// <summary>Begins a frame, and does not wait for it.</summary>
        protected abstract void Begin(Given given, bool hasHistory);
        /// <summary>The frame that was begun, or null while it is not there. Its history is kept.</summary>
        protected abstract float[] Take();
        protected abstract void Unload();

        /// <summary>What the inputs of a file are like; 0 channels where there is no such input.</summary>
        protected struct Shapes
        {
            public int Width;
            public int Height;
            public int ConditionChannels;
            public int NoiseChannels;
            public int StyleChannels;
            public int ActionNumbers;
        }

        /// <summary>What one frame is made of besides its history; empty where there is no such input.</summary>
        protected sealed class Given
        {
            public float[] Conditions;
            public float[] Noise;
            public float[] Style;
            public float[] Actions;
        }

        /// <summary>What is made from here on: the newest wins. Bytes row by row, the upper row first.</summary>
        public void SetCondition(byte[] bytes)
        {
            if (condition == null) throw new InvalidOperationException("this generator takes no condition");
            if (bytes.Length != condition.Length)
            {
                throw new ArgumentException($"{bytes.Length} bytes are no condition of {Width}x{Height}: {condition.Length} are");
            }
            Buffer.BlockCopy(bytes, 0, condition, 0, bytes.Length);
        }

        /// <summary>What is done from here on, in the order of the columns: keys 0 or 1, axes -1 to 1.</summary>
        public void SetActions(params float[] values)
        {
            if (values.Length != actionColumns)
            {
                throw new ArgumentException($"{values.Length} actions were given, and the generator is told {actionColumns}");
            }
            Array.Copy(values, pressed, values.Length);
        }

        /// <summary>Forgets all history before the next frame.</summary>
        public void Restart() => begins = true;

        void OnEnable() => OrPause(Open);
        void Update() => OrPause(Turn);

        /// <summary>What fails is told once, and not again at each turn.</summary>
        void OrPause(Action work)
        {
            try
            {
                work();
            }
            catch
            {
                enabled = false;
                throw;
            }
        }

        void Open()
        {
            var shapes = Load();
            Width = shapes.Width;
            Height = shapes.Height;
            var pixels = Width * Height;
            var channels = shapes.ConditionChannels / Math.Max(1, conditionFrames);
            if ((content == ConditionContent.None) != (channels == 0) || channels * conditionFrames != shapes.ConditionChannels)
            {
                throw new InvalidOperationException(
                    $"the file's condition has {shapes.ConditionChannels} channels, which are no {conditionFrames} frames of {content}");
            }
            if (style.Length != shapes.StyleChannels)
            {
                throw new InvalidOperationException($"a look has {shapes.StyleChannels} numbers here, and {style.Length} are set");
            }
            if ((actionColumns == 0) != (shapes.ActionNumbers == 0) || shapes.ActionNumbers % (actionColumns + 1) != 0)
            {
                throw new InvalidOperationException(
                    $"the file is told {shapes.ActionNumbers} numbers of actions, which are not of {actionColumns} columns");
            }
            condition = channels == 0 ? null : new byte[content == ConditionContent.Labels ? pixels : channels * pixels];
            conditions = new float[shapes.ConditionChannels * pixels];
            noise = new float[shapes.NoiseChannels * pixels / 16];
            pressed = new float[actionColumns];
            actions = new float[shapes.ActionNumbers];
            rgba = new byte[4 * pixels];
            texture = new Texture2D(Width, Height, TextureFormat.RGBA32, false);
            GetComponent<Renderer>().material.mainTexture = texture;
            dueSeconds = Time.time;
            begins = true;
        }

        void Turn()
        {
            if (isMaking)
            {
                var frame = Take();
                if (frame == null) return;
                isMaking = false;
                Frames++;
                Planes.ToTexture(frame, Width, Height, rgba);
                texture.LoadRawTextureData(rgba);
                texture.Apply(false);
            }
            if (Time.time < dueSeconds) return;
            var missed = (int)((Time.time - dueSeconds) * fps);
            Dropped += missed;
            dueSeconds += (missed + 1) / fps;
            var hasHistory = !begins;
            if (begins)
            {
                random = new System.Random(seed);
                Array.Clear(actions, 0, actions.Length);
            }
            Remember(hasHistory);
            if (noise.Length > 0) Planes.Noise(random, noise);
            begins = false;
            isMaking = true;
            Begin(new Given { Conditions = conditions, Noise = noise, Style = style, Actions = actions }, hasHistory);
        }

        /// <summary>Puts condition and actions behind those before them; the first condition stands for those that are missing.</summary>
        void Remember(bool hasConditions)
        {
            if (actions.Length > 0)
            {
                var told = actionColumns + 1;
                Array.Copy(actions, told, actions, 0, actions.Length - told);
                Array.Copy(pressed, 0, actions, actions.Length - told, actionColumns);
                actions[actions.Length - 1] = 1f;
            }
            if (condition == null) return;
            var one = conditions.Length / conditionFrames;
            var last = conditions.Length - one;
            Array.Copy(conditions, one, conditions, 0, last);
            var channels = one / (Width * Height);
            if (content == ConditionContent.Labels) Planes.FromLabels(condition, channels, conditions, last);
            else Planes.FromImage(condition, channels, conditions, last);
            for (var at = 0; !hasConditions && at < last; at += one) Array.Copy(conditions, last, conditions, at, one);
        }

        void OnDisable()
        {
            Unload();
            isMaking = false;
            if (texture != null) Destroy(texture);
        }
    }
}
