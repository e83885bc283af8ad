// Prints what Planes makes of some bytes, for a test to compare.
using System;
using Frameloom;

static class Program
{
    static void Print(float[] values)
    {
        var bytes = new byte[4 * values.Length];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        Console.WriteLine(Convert.ToBase64String(bytes));
    }

    static void Main(string[] args)
    {
        var bytes = Convert.FromBase64String(args[0]);
        var image = new float[bytes.Length];
        Planes.FromImage(bytes, 3, image, 0);
        Print(image);
        var labels = new float[2 + 3 * bytes.Length];
        labels[0] = labels[1] = 7f;
        Planes.FromLabels(bytes, 3, labels, 2);
        Print(labels);
        var rgba = new byte[4 * bytes.Length / 3];
        Planes.ToTexture(image, int.Parse(args[1]), int.Parse(args[2]), rgba);
        Console.WriteLine(Convert.ToBase64String(rgba));
        try
        {
            image[3] = float.NaN;
            Planes.ToTexture(image, int.Parse(args[1]), int.Parse(args[2]), rgba);
        }
        catch (InvalidOperationException error)
        {
            Console.WriteLine(error.Message);
        }
        var noise = new float[20000];
        Planes.Noise(new Random(1), noise);
        double sum = 0, squares = 0;
        foreach (var value in noise)
        {
            sum += value;
            squares += value * value;
        }
        Console.WriteLine((sum / noise.Length).ToString("R") + " " + (squares / noise.Length).ToString("R"));
    }
}
