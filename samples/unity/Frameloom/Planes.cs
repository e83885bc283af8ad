using System;

namespace Frameloom
{
    /// <summary>
    /// Bytes and numbers as exported generators take and give them: channel after channel, pictures in [-1, 1], the
    /// upper row first. Nothing of Unity is used.
    /// </summary>
    public static class Planes
    {
        /// <summary>Interleaved bytes, such as one grey or three colours a pixel, as planes in [-1, 1].</summary>
        public static void FromImage(byte[] bytes, int channels, float[] planes, int offset)
        {
            var pixels = bytes.Length / channels;
            for (var channel = 0; channel < channels; channel++)
            {
                var at = offset + channel * pixels;
                for (var i = 0; i < pixels; i++) planes[at + i] = bytes[i * channels + channel] / 127.5f - 1f;
            }
        }

        /// <summary>A class for each pixel as planes of 0 and 1, one for each class; ids of no class are 0 in all.</summary>
        public static void FromLabels(byte[] ids, int classes, float[] planes, int offset)
        {
            Array.Clear(planes, offset, classes * ids.Length);
            for (var i = 0; i < ids.Length; i++)
            {
                if (ids[i] < classes) planes[offset + ids[i] * ids.Length + i] = 1f;
            }
        }

        /// <summary>
        /// A frame as RGBA32 of a Texture2D, whose lower row comes first.
        /// </summary>
        /// <exception cref="InvalidOperationException">The frame holds NaN: the file is damaged.</exception>
        public static void ToTexture(float[] frame, int width, int height, byte[] rgba)
        {
            var pixels = width * height;
            for (var y = 0; y < height; y++)
            {
                var to = 4 * width * (height - 1 - y);
                for (var x = 0; x < width; x++, to += 4)
                {
                    var at = y * width + x;
                    rgba[to] = Level(frame[at]);
                    rgba[to + 1] = Level(frame[pixels + at]);
                    rgba[to + 2] = Level(frame[2 * pixels + at]);
                    rgba[to + 3] = 255;
                }
            }
        }

        /// <summary>Standard normal numbers.</summary>
        public static void Noise(Random random, float[] planes)
        {
            for (var i = 0; i < planes.Length; i++)
            {
                var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
                planes[i] = (float)(radius * Math.Cos(2 * Math.PI * random.NextDouble()));
            }
        }

        static byte Level(float value)
        {
            if (float.IsNaN(value)) throw new InvalidOperationException("a generated frame holds NaN");
            var level = Math.Floor((value + 1f) * 127.5f + 0.5f);
            return (byte)Math.Max(0, Math.Min(255, level));
        }
    }
}
